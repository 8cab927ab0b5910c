-- How old the application's sessions get; the guide's clean-up needs a column that the public backend does not have.
-- source: penhas_checks.sessions()
-- scope: any; versions: 14 and later
SELECT present, dated, rows, expired, oldest FROM penhas_checks.sessions();
