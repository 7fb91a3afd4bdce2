'use strict';

// A conformance suite as a client: `suite.js h2spec|httpwg client HOST:PORT CASE`, or `suite.js h2spec|httpwg version`.
// The one case is the suite's name; all of the suite must pass, but for what allowed.txt names.

const assert = require('assert');
const { execFile } = require('child_process');
const fs = require('fs');
const path = require('path');
const { run } = require('../node/peer');

const suite = process.argv.splice(2, 1)[0];
const bin = path.join(__dirname, 'target', 'bin', suite);

// How many cases there must be, how to run them, and what came of each.
const suites = {
  h2spec: { count: 147, run: h2spec },
  httpwg: { count: 107, run: httpwg },
};

if (process.argv[2] === 'version') {
  // Neither tells it: the directory says what was installed.
  console.log(fs.readFileSync(`${bin}.version`, 'utf8').trim());
} else {
  run(async (host, port) => ({ [suite]: () => all(host, port) }));
}

async function all(host, port) {
  const results = await suites[suite].run(host, port);
  assert.strictEqual(results.size, suites[suite].count, `${results.size} cases, not ${suites[suite].count}`);
  const allowed = allowedCases();
  const failed = [...results].filter(([name, passed]) => !passed && !allowed.has(name)).map(([name]) => name);
  assert.strictEqual(failed.length, 0, `${failed.length} failed: ${failed.join('; ')}`);
  const stale = [...allowed].filter(name => results.get(name) !== false);
  assert.strictEqual(stale.length, 0, `allowed.txt names what passes: ${stale.join('; ')}`);
  return `${results.size} cases, ${allowed.size} of them let go`;
}

function allowedCases() {
  const lines = fs.readFileSync(path.join(__dirname, 'allowed.txt'), 'utf8').split('\n');
  const ours = lines.filter(line => line.startsWith(`${suite} `));
  return new Set(ours.map(line => {
    const [, name, argument] = /^\S+ (.*?): (.+)$/.exec(line) || [];
    assert(argument, `allowed.txt: no argument: ${line}`);
    return name;
  }));
}

async function h2spec(host, port) {
  const report = path.join(process.env.INTEROP_WORK, `h2spec-${port}.xml`);
  await output(['-h', host, '-p', port, '--strict', '-o', '3', '-j', report]);
  const results = new Map();
  const xml = fs.readFileSync(report, 'utf8');
  for (const [, part, name, rest] of xml.matchAll(/<testcase package="([^"]*)" classname="([^"]*)"[^>]*>([^]*?)<\/testcase>/g)) {
    let unique = `${part} ${name}`;
    while (results.has(unique)) unique += ' (again)';
    results.set(unique, rest.trim() === '');
  }
  return results;
}

async function httpwg(host, port) {
  // One at a time: or a slow machine fails cases for their time.
  const text = await output(['-v', '--connect-timeout', '5000', '--frame-timeout', '3000', '-a', `${host}:${port}`], { SEQUENTIAL: '1' });
  const results = new Map();
  for (const [, name] of text.matchAll(/Running test: (.*)/g)) results.set(name, false);
  for (const [, name] of text.matchAll(/Test passed: (.*)/g)) results.set(name, true);
  return results;
}

/** All that the suite says; its exit status says no more than that something failed. */
function output(args, env) {
  return new Promise((resolve, reject) => {
    const options = { env: { ...process.env, ...env }, maxBuffer: 64 << 20, timeout: 80000 };
    execFile(bin, args.map(String), options, (error, stdout, stderr) => {
      const text = stdout + stderr;
      fs.writeFileSync(path.join(process.env.INTEROP_WORK, `${suite}-${args[args.length - 1].replace(/.*[/:]/, '')}.log`), text);
      if (error && (error.killed || typeof error.code !== 'number')) reject(error);
      else resolve(text);
    });
  });
}
