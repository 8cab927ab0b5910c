-- Minion's jobs by state, and its living workers (catalogue MN02, MN06), through the views of our own schema.
-- A job is ready by the same condition by which Minion's dequeue takes it: not delayed, not expired, parents done.
-- A worker without a heartbeat for 1800 s is gone by Minion's own default (missing_after).
-- source: penhas_checks.minion_jobs, penhas_checks.minion_workers
-- scope: primary (the workers' table is unlogged); versions: 14 and later
SELECT count(*) FILTER (WHERE ready) AS ready,
       coalesce(max(extract(epoch FROM clock_timestamp() - greatest(delayed, created, coalesce(retried, created))))
                FILTER (WHERE ready), 0) AS oldest_ready,
       count(*) FILTER (WHERE state = 'inactive' AND live) AS inactive,
       count(*) FILTER (WHERE state = 'inactive' AND live AND delayed > now()) AS delayed,
       count(*) FILTER (WHERE state = 'active') AS active,
       count(*) FILTER (WHERE state = 'failed') AS failed,
       (SELECT count(*) FROM penhas_checks.minion_workers WHERE notified > now() - interval '1800 s') AS workers
FROM (
    SELECT j.state, j.created, j.delayed, j.retried, j.live,
           j.state = 'inactive' AND j.live AND j.delayed <= now()
               AND (j.parents = '{}' OR NOT EXISTS (
                   SELECT FROM penhas_checks.minion_jobs AS p
                   WHERE p.id = ANY (j.parents)
                     AND (p.state = 'active'
                          OR (p.state = 'failed' AND NOT j.lax)
                          OR (p.state = 'inactive' AND (p.expires IS NULL OR p.expires > now()))))) AS ready
    FROM (SELECT id, state, created, delayed, retried, parents, lax, expires IS NULL OR expires > now() AS live
          FROM penhas_checks.minion_jobs
          WHERE state IN ('inactive', 'active', 'failed')) AS j
) AS jobs;
