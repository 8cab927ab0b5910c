-- Settings that lose or corrupt data, and those that wait for a restart (catalogue PG41).
-- source: pg_settings
-- scope: any; versions: 14 and later
SELECT NOT pg_has_role(current_user, 'pg_read_all_settings', 'USAGE') AS hidden,
       count(*) FILTER (WHERE dangerous) AS dangerous,
       count(*) FILTER (WHERE pending_restart) AS pending,
       json_agg(CASE WHEN dangerous THEN format('%s = %s', name, setting) ELSE name || ' waits for a restart' END
                ORDER BY name) FILTER (WHERE dangerous OR pending_restart) AS culprits
FROM (SELECT name, setting, pending_restart,
             (name, setting) IN (('fsync', 'off'), ('full_page_writes', 'off'), ('track_counts', 'off'),
                                 ('zero_damaged_pages', 'on'), ('ignore_checksum_failure', 'on'),
                                 ('ignore_invalid_pages', 'on')) AS dangerous
      FROM pg_settings) AS s;
