-- The workers and when they gave their last sign (catalogue MN06); half an hour is Minion's own missing_after.
-- source: penhas_checks.minion_workers, penhas_checks.minion_jobs
-- scope: primary (the workers' table is unlogged); versions: 14 and later
SELECT count(*) FILTER (WHERE live) AS live,
       count(*) FILTER (WHERE NOT live) AS gone,
       extract(epoch FROM now() - min(notified) FILTER (WHERE live)) AS heartbeat,
       coalesce(sum(jobs) FILTER (WHERE live), 0) AS capacity,
       (SELECT count(*) FROM penhas_checks.minion_jobs WHERE state = 'active') AS active,
       extract(epoch FROM min(started) FILTER (WHERE live)) AS oldest_started,
       extract(epoch FROM now() - pg_postmaster_start_time()) AS uptime
FROM (SELECT *, notified > now() - interval '1800 s' AS live FROM penhas_checks.minion_workers) AS workers;
