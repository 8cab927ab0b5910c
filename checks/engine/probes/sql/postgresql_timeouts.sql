-- Roles for which idle_in_transaction_session_timeout is 0, by the order in which settings hold: of the role in our
-- database, of the role, of the database, of the server. Superusers, replication and our own role are left out.
-- source: pg_db_role_setting, pg_settings
-- scope: any; versions: 14 and later
SELECT count(*) AS roles, json_agg(rolname ORDER BY rolname) AS culprits
FROM (
    SELECT r.rolname,
           coalesce((SELECT substring(entry FROM '^idle_in_transaction_session_timeout=(.*)$')
                     FROM pg_db_role_setting s, unnest(s.setconfig) AS entry
                     WHERE entry LIKE 'idle\_in\_transaction\_session\_timeout=%'
                       AND s.setrole IN (r.oid, 0)
                       AND s.setdatabase IN ((SELECT oid FROM pg_database WHERE datname = current_database()), 0)
                     ORDER BY s.setrole = 0, s.setdatabase = 0
                     LIMIT 1),
                    -- The value of the session is our own: what it would be reset to is the server's.
                    (SELECT reset_val FROM pg_settings WHERE name = 'idle_in_transaction_session_timeout')) AS value
    FROM pg_roles r
    WHERE r.rolcanlogin AND NOT r.rolsuper AND NOT r.rolreplication AND r.rolname <> current_user
      AND has_database_privilege(r.oid, current_database(), 'CONNECT')
) AS effective
WHERE value ~ '^\s*0+\s*[a-z]*\s*$';
