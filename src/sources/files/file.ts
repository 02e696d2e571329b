import { isUtf8 } from 'node:buffer';
import { constants, readFileSync, type Stats, statSync } from 'node:fs';

import type { Finding } from '../../ir/finding.ts';
import { objectKey } from '../../ir/origin.ts';
import type { ResourceValidators } from '../../resources/validate/validators.ts';
import { type Entry, fileRef, moveDocument, type ParsedDocument, readDocument } from './document.ts';
import { isMissing } from './list.ts';
import { splitDocuments } from './split.ts';

/** Larger files are refused: 10,000 ordinary routes take a third of it. */
export const MAX_FILE_BYTES = 10 * 1024 * 1024;

/** Whatever lies there by the time it is opened: nobody may have to write first. */
const READ_AT_ONCE = constants.O_RDONLY | constants.O_NONBLOCK;

/** What tells that a file changed without reading it. */
export type FileStamp = string;

export interface ParsedFile {
  readonly stamp: FileStamp;
  readonly documents: readonly ParsedDocument[];
  /** In the order of the file; then those that are kept because the file can't be read in full. */
  readonly entries: readonly Entry[];
  readonly findings: readonly Finding[];
}

/** The stamp that a file has now; null when it can't be told. */
export function stampOf(file: string): FileStamp | null {
  try {
    return formatStamp(statSync(file));
  } catch {
    return null;
  }
}

/** The inode tells a swapped link or a renamed file even when size and time are the same. */
function formatStamp({ dev, ino, size, mtimeMs }: Stats): FileStamp {
  return `${dev}:${ino}:${size}:${mtimeMs}`;
}

/**
 * Reads a file. What is the same as before is not parsed again; what an unreadable part may have held is kept.
 * Synchronous: for ten thousand small files six times as fast as the thread pool.
 * @returns null when it is not there, or blank
 */
export function readResourceFile(
  file: string,
  validators: ResourceValidators,
  before: ParsedFile | null,
): ParsedFile | null {
  let stamp = '';
  try {
    const stats = statSync(file);
    stamp = formatStamp(stats);
    // A pipe or a device may have no end, or nobody who writes: to read it would stop the control thread.
    if (!stats.isFile()) return refuse(file, stamp, 'is no regular file', before);
    if (stats.size > MAX_FILE_BYTES) {
      return refuse(file, stamp, `is larger than ${MAX_FILE_BYTES / 1024 / 1024} MiB`, before);
    }
    const bytes = readFileSync(file, { flag: READ_AT_ONCE });
    if (!isUtf8(bytes)) return refuse(file, stamp, 'is not UTF-8 text', before);
    const text = bytes.toString('utf8').replace(/^\uFEFF/, '');
    return text.trim() === '' ? null : parseFile(file, text, stamp, validators, before);
  } catch (error) {
    if (isMissing(error)) return null;
    return refuse(file, stamp, `can't be read: ${(error as Error).message}`, before);
  }
}

function parseFile(
  file: string,
  text: string,
  stamp: FileStamp,
  validators: ResourceValidators,
  before: ParsedFile | null,
): ParsedFile {
  const known = new Map(before?.documents.map((document) => [document.source.text, document]));
  const documents = splitDocuments(text).map((source) => {
    const same = known.get(source.text);
    if (same === undefined) return readDocument(file, source, validators);
    return same.source.linesBefore === source.linesBefore ? same : moveDocument(same, source);
  });
  const entries = documents.flatMap((document) => document.entries);
  if (before !== null && documents.some((document) => document.unreadable)) {
    const present = new Set(entries.map(({ ref }) => objectKey(ref)));
    entries.push(...before.entries.filter(({ ref }) => !present.has(objectKey(ref))));
  }
  return { stamp, documents, entries, findings: documents.flatMap((document) => document.findings) };
}

/** The file says nothing now: what it said before stands. */
function refuse(file: string, stamp: FileStamp, message: string, before: ParsedFile | null): ParsedFile {
  const location = { file, line: 1, column: 1 };
  const finding: Finding = {
    code: 'unreadable',
    origin: { object: fileRef(file), fieldPath: '', location },
    message,
  };
  return { stamp, documents: before?.documents ?? [], entries: before?.entries ?? [], findings: [finding] };
}
