-- Sessions from other machines, and those of them without TLS (catalogue PG46).
-- source: pg_stat_ssl, pg_stat_activity
-- scope: any; versions: 14 and later
SELECT (SELECT count(*) FROM pg_stat_activity WHERE backend_type IS NULL) AS hidden,
       count(*) AS remote,
       json_agg(DISTINCT host(a.client_addr) || ' ' || a.usename) FILTER (WHERE NOT s.ssl) AS plaintext
FROM pg_stat_activity a
JOIN pg_stat_ssl s ON s.pid = a.pid
WHERE a.client_addr IS NOT NULL AND NOT a.client_addr <<= inet '127.0.0.0/8' AND a.client_addr <> inet '::1';
