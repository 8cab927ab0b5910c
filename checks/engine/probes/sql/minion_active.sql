-- The jobs that run: the longest of each task, and those whose worker is no longer there (catalogue MN04, MN07).
-- source: penhas_checks.minion_jobs, penhas_checks.minion_workers
-- scope: primary (the workers' table is unlogged); versions: 14 and later
WITH running AS (
    SELECT j.task, extract(epoch FROM clock_timestamp() - j.started) AS seconds,
           w.id IS NULL AND j.queue <> 'minion_foreground' AS orphan
    FROM penhas_checks.minion_jobs AS j LEFT JOIN penhas_checks.minion_workers AS w ON w.id = j.worker
    WHERE j.state = 'active'
)
SELECT (SELECT json_agg(json_build_object('task', task, 'seconds', seconds) ORDER BY seconds DESC)
        FROM (SELECT task, max(seconds) AS seconds FROM running WHERE NOT orphan GROUP BY task
              ORDER BY max(seconds) DESC LIMIT 20) AS tasks) AS longest,
       count(*) FILTER (WHERE orphan) AS orphans,
       coalesce(max(seconds) FILTER (WHERE orphan), 0) AS orphaned
FROM running;
