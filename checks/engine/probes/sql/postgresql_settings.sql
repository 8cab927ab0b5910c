-- Settings that lose or corrupt data, also those of single roles and databases, and those that wait for a restart (PG41).
-- source: pg_settings, pg_db_role_setting
-- scope: any; versions: 14 and later
SELECT NOT pg_has_role(current_user, 'pg_read_all_settings', 'USAGE') AS hidden,
       count(*) FILTER (WHERE dangerous) AS dangerous,
       count(*) FILTER (WHERE pending_restart) AS pending,
       json_agg(CASE WHEN dangerous THEN format('%s = %s%s', name, setting, whose) ELSE name || ' waits for a restart' END
                ORDER BY name, whose) FILTER (WHERE dangerous OR pending_restart) AS culprits
FROM (SELECT name, setting, pending_restart, '' AS whose,
             (name, setting) IN (('fsync', 'off'), ('full_page_writes', 'off'), ('track_counts', 'off'),
                                 ('zero_damaged_pages', 'on'), ('ignore_checksum_failure', 'on'),
                                 ('ignore_invalid_pages', 'on'), ('session_replication_role', 'replica')) AS dangerous
      FROM pg_settings
      UNION ALL
      SELECT o.name, o.setting, false,
             concat(' of role ' || r.rolname, ' in database ' || d.datname),
             -- As they were typed: a switch has many spellings.
             CASE WHEN o.name IN ('zero_damaged_pages', 'ignore_checksum_failure') THEN o.setting::boolean
                  WHEN o.name = 'track_counts' THEN NOT o.setting::boolean
                  WHEN o.name = 'session_replication_role' THEN lower(o.setting) = 'replica'
                  ELSE false END
      FROM pg_db_role_setting AS s
      CROSS JOIN LATERAL (SELECT split_part(entry, '=', 1) AS name, substring(entry FROM '=(.*)$') AS setting
                          FROM unnest(s.setconfig) AS entry) AS o
      LEFT JOIN pg_roles AS r ON r.oid = s.setrole
      LEFT JOIN pg_database AS d ON d.oid = s.setdatabase) AS s;
