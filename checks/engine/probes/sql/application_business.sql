-- The business figures by complete hours before this one (0 is the newest), and for how long any are known.
-- Of a table that holds no row any more although some were written it says that it was emptied.
-- source: penhas_checks.business_hours(), penhas_checks.business_emptied()
-- scope: any; versions: 14 and later
SELECT figure, extract(epoch FROM now() - min(since)) AS known_for,
       json_agg((round(extract(epoch FROM date_trunc('hour', now()) - hour) / 3600)::integer - 1) || ':' || events)
           FILTER (WHERE hour < date_trunc('hour', now())) AS hours,
       figure IN (SELECT penhas_checks.business_emptied()) AS emptied
FROM penhas_checks.business_hours()
GROUP BY figure ORDER BY figure;
