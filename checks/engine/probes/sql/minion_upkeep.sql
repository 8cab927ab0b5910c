-- What gathers in Minion's tables (catalogue MN05, MN08 to MN10); finished jobs are kept for 31 days.
-- source: penhas_checks.minion_jobs, penhas_checks.minion_locks
-- scope: primary (the locks' table is unlogged); versions: 14 and later
WITH waiting AS (
    SELECT j.task, j.attempts > 1 AND j.retries >= j.attempts - 1 AS last_attempt,
           NOT j.lax AND j.parents <> '{}' AND EXISTS (
               SELECT FROM penhas_checks.minion_jobs AS p WHERE p.id = ANY (j.parents) AND p.state = 'failed') AS dead
    FROM penhas_checks.minion_jobs AS j WHERE j.state = 'inactive'
)
SELECT count(*) FILTER (WHERE last_attempt) AS last_attempt,
       count(*) FILTER (WHERE dead) AS dead_dependents,
       (SELECT greatest(0, coalesce(max(extract(epoch FROM expires - now())), 0))
        FROM penhas_checks.minion_locks) AS lock_longest,
       (SELECT count(*) FROM penhas_checks.minion_jobs) AS rows,
       (SELECT greatest(0, coalesce(extract(epoch FROM now() - min(finished)), 0) - 31 * 86400)
        FROM penhas_checks.minion_jobs WHERE state = 'finished') AS overdue_removal,
       (SELECT json_agg(format('%s: %s', task, jobs) ORDER BY jobs DESC)
        FROM (SELECT task, count(*) AS jobs FROM waiting WHERE last_attempt OR dead
              GROUP BY task ORDER BY count(*) DESC LIMIT 5) AS worst) AS culprits
FROM waiting;
