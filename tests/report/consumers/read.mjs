// Reads a JUnit file as three consumers do and prints, for each, what it makes of every test: {consumer: {name: [status, text]}}.
// Called by test_junit_consumers.py: node read.mjs FILE
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { parse as junit2json } from "junit2json";
import { convertJUnitToCTRFReport } from "junit-to-ctrf";

const file = process.argv[2];
const out = {};

const tree = await junit2json(readFileSync(file, "utf8"));
out.junit2json = {};
for (const suite of tree.testsuite ?? [])
  for (const test of suite.testcase ?? []) {
    const of = (kind) => test[kind]?.[0];
    const status = of("failure") ? "failed" : of("error") ? "error" : of("skipped") ? "skipped" : "passed";
    const found = of("failure") ?? of("error") ?? of("skipped");
    out.junit2json[test.name] = [status, found?.message ?? found?.inner ?? ""];
  }

const ctrf = await convertJUnitToCTRFReport(file);
out["junit-to-ctrf"] = {};
for (const test of ctrf.results.tests)
  out["junit-to-ctrf"][test.name] = [test.status, test.message ?? test.trace ?? ""];

const { parse } = createRequire(import.meta.url)("test-results-parser");
const result = parse({ type: "junit", files: [file] });
out["test-results-parser"] = {};
for (const suite of result.suites)
  for (const test of suite.cases)
    out["test-results-parser"][test.name] = [test.status.toLowerCase(), test.failure ?? ""];

console.log(JSON.stringify(out));
