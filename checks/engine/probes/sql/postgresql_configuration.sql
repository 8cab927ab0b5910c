-- Every configured setting as a digest of eight hexadecimal digits: enough to tell a change, too short to turn back.
-- source: pg_settings
-- scope: any; versions: 14 and later
SELECT NOT pg_has_role(current_user, 'pg_read_all_settings', 'USAGE') AS hidden,
       pg_is_in_recovery() AS in_recovery,
       json_agg(name || ' ' || left(md5(name || '=' || coalesce(setting, '')), 8) ORDER BY name) AS digests
FROM pg_settings
WHERE source IN ('configuration file', 'command line', 'environment variable', 'global')
  AND name NOT IN ('port', 'primary_conninfo', 'ssl_passphrase_command');
