-- Growth by the guide's questions: new users a month, audio uploads a day with their bytes.
-- source: penhas_checks.growth()
-- scope: any; versions: 14 and later
SELECT json_agg(json_build_object('day', day, 'events', events) ORDER BY day) FILTER (WHERE figure = 'users') AS users,
       json_agg(json_build_object('day', day, 'events', events, 'bytes', bytes) ORDER BY day)
           FILTER (WHERE figure = 'audio uploads') AS uploads,
       coalesce(sum(bytes) FILTER (WHERE figure = 'audio uploads before'), 0) AS uploads_before,
       coalesce(bool_or(figure = 'users known'), false) AS users_known,
       coalesce(bool_or(figure = 'uploads known'), false) AS uploads_known
FROM penhas_checks.growth();
