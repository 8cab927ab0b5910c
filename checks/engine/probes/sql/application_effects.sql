-- How old the newest trace of each scheduled job is.
-- source: penhas_checks.effects()
-- scope: any; versions: 14 and later
SELECT effect, age FROM penhas_checks.effects();
