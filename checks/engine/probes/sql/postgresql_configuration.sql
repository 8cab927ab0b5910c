-- Every configured setting as a digest of eight hexadecimal digits: enough to tell a change, too short to turn back.
-- Of what our sessions set for themselves the server's own value is what it would be reset to. What they, or our role, set
-- from the start on (default_transaction_read_only, lock_timeout, IntervalStyle, jit) no session of ours sees.
-- source: pg_settings
-- scope: any; versions: 14 and later
SELECT NOT pg_has_role(current_user, 'pg_read_all_settings', 'USAGE') AS hidden,
       pg_is_in_recovery() AS in_recovery,
       json_agg(name || ' ' || left(md5(name || '=' || coalesce(CASE WHEN source = 'session' THEN reset_val ELSE setting END, '')), 8)
                ORDER BY name) AS digests
FROM pg_settings
WHERE (source IN ('configuration file', 'command line', 'environment variable', 'global')
       OR source = 'session' AND reset_val <> boot_val
          AND name IN ('statement_timeout', 'idle_in_transaction_session_timeout'))
  AND name NOT IN ('port', 'primary_conninfo', 'ssl_passphrase_command');
