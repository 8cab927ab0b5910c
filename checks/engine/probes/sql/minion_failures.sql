-- Jobs that ended within the hour (catalogue MN03), by task where they failed.
-- source: penhas_checks.minion_jobs, penhas_checks.minion_ends
-- scope: any; versions: 14 and later
WITH ended AS (
    SELECT j.task, j.state, coalesce(e.abandoned, false) AS abandoned, coalesce(e.stuck, false) AS stuck
    FROM penhas_checks.minion_jobs AS j LEFT JOIN penhas_checks.minion_ends AS e ON e.id = j.id
    WHERE j.finished > now() - interval '1 hour'
)
SELECT count(*) FILTER (WHERE state = 'failed') AS failed,
       count(*) FILTER (WHERE state = 'finished') AS finished,
       count(*) FILTER (WHERE abandoned) AS abandoned,
       count(*) FILTER (WHERE stuck) AS stuck,
       (SELECT json_agg(format('%s: %s failed', task, failed) ORDER BY failed DESC)
        FROM (SELECT task, count(*) AS failed FROM ended WHERE state = 'failed'
              GROUP BY task ORDER BY count(*) DESC LIMIT 5) AS worst) AS culprits
FROM ended;
