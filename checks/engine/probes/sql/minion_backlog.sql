-- Jobs that a worker could take now, by queue and task, the one that waits longest first (catalogue MN02), and how many
-- of them wait while every live worker has its hands full; without a live worker none is counted so.
-- source: penhas_checks.minion_jobs, penhas_checks.minion_workers
-- scope: primary (the workers' table is unlogged); versions: 14 and later
WITH ready AS (
    SELECT j.queue, j.task, count(*) AS jobs,
           max(extract(epoch FROM clock_timestamp() - greatest(j.delayed, j.created, coalesce(j.retried, j.created))))
               AS oldest
    FROM penhas_checks.minion_jobs AS j
    WHERE j.state = 'inactive' AND j.delayed <= now() AND (j.expires IS NULL OR j.expires > now())
      AND (j.parents = '{}' OR NOT EXISTS (
          SELECT FROM penhas_checks.minion_jobs AS p
          WHERE p.id = ANY (j.parents)
            AND (p.state = 'active' OR (p.state = 'failed' AND NOT j.lax)
                 OR (p.state = 'inactive' AND (p.expires IS NULL OR p.expires > now())))))
    GROUP BY j.queue, j.task
), hands AS (
    -- NULL without a live worker that says how many jobs it takes; one that takes none is at its most with none
    SELECT (SELECT sum(jobs) FROM penhas_checks.minion_workers WHERE notified > now() - interval '1800 s') AS capacity,
           (SELECT count(*) FROM penhas_checks.minion_jobs WHERE state = 'active') AS active
)
SELECT coalesce(max(oldest), 0) AS oldest,
       (SELECT greatest(0, capacity - active) FROM hands) AS free,
       CASE WHEN (SELECT active >= capacity FROM hands) THEN coalesce(sum(jobs), 0) ELSE 0 END AS unserved,
       (SELECT json_agg(format('%s in queue %s: %s ready, the oldest for %s s', task, queue, jobs, round(oldest))
                        ORDER BY oldest DESC)
        FROM (SELECT * FROM ready ORDER BY oldest DESC LIMIT 5) AS worst) AS culprits
FROM ready;
