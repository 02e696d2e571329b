import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

const ROOT = path.resolve(import.meta.dirname, '../..');
const SKIPPED = new Set(['node_modules', 'dist', 'coverage', 'reports', '.git', '.portreeve']);

function markdownFiles(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (SKIPPED.has(entry.name)) return [];
    const file = path.join(folder, entry.name);
    if (entry.isDirectory()) return markdownFiles(file);
    return entry.name.endsWith('.md') ? [file] : [];
  });
}

/** The anchor that GitHub makes of a heading. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(/\s/g, '-');
}

function anchorsOf(file: string): Set<string> {
  const headings = readFileSync(file, 'utf8').matchAll(/^#{1,6}\s+(.+)$/gm);
  return new Set([...headings].map(([, heading]) => anchorOf(heading!)));
}

/** What is wrong with the relative links of a document. */
function brokenLinks(file: string): string[] {
  const links = [...readFileSync(file, 'utf8').matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link!);
  return links
    .filter((link) => !/^[a-z]+:/.test(link))
    .filter((link) => {
      const [target = '', anchor] = link.split('#');
      const full = target === '' ? file : path.resolve(path.dirname(file), target);
      if (!existsSync(full)) return true;
      return anchor !== undefined && !anchorsOf(full).has(anchor);
    });
}

const files = markdownFiles(ROOT);

test.each(files.map((file) => path.relative(ROOT, file)))('links of %s lead somewhere', (file) => {
  expect(brokenLinks(path.join(ROOT, file))).toEqual([]);
});

test('CI runs the test command that the README gives', () => {
  const readme = readFileSync(path.join(ROOT, 'README.md'), 'utf8');
  const ci = readFileSync(path.join(ROOT, '.ci/run'), 'utf8');
  expect(readme).toContain('\nnpm ci && npm start\n');
  expect(readme).toContain('\nnpm ci && npm test\n');
  expect(ci).toContain('npm ci && npm test;');
});

test('every decision is in the index of decisions', () => {
  const folder = path.join(ROOT, 'docs/adr');
  const index = readFileSync(path.join(folder, 'README.md'), 'utf8');
  const decisions = readdirSync(folder).filter((name) => /^\d{4}-/.test(name));
  expect(decisions.filter((name) => !index.includes(`(${name})`))).toEqual([]);
});
