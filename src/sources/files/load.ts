import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { Finding } from '../../ir/finding.ts';
import type { ResourceValidators } from '../../resources/validate/validators.ts';
import type { SourcedObject } from '../source.ts';
import { fileRef } from './document.ts';
import { readResourceFile } from './file.ts';
import { FolderState } from './folder-state.ts';
import { type Listing, listResourceFiles } from './list.ts';

/** All that a folder says at one moment. */
export interface FolderSnapshot {
  readonly objects: readonly SourcedObject[];
  readonly findings: readonly Finding[];
}

/** After so many files the event loop has a turn. */
const FILES_PER_TURN = 64;

/**
 * Reads a folder once.
 * @throws Error when it can't be listed
 */
export async function loadFolder(folder: string, validators: ResourceValidators): Promise<FolderSnapshot> {
  const listing = await listResourceFiles(folder);
  const state = new FolderState();
  await readFiles(folder, listing.files, validators, state);
  const change = state.takeChange(listingFindings(folder, listing), true)!;
  return { objects: change.upsert, findings: change.findings };
}

/** Reads files into the state. @returns those that were not there, or blank */
export async function readFiles(
  folder: string,
  paths: readonly string[],
  validators: ResourceValidators,
  state: FolderState,
): Promise<readonly string[]> {
  const absent: string[] = [];
  for (const [index, path] of paths.entries()) {
    if (index % FILES_PER_TURN === FILES_PER_TURN - 1) await setImmediate();
    const file = readResourceFile(join(folder, path), validators, state.file(path));
    if (file === null) absent.push(path);
    else state.set(path, file);
  }
  return absent;
}

/** Findings on sub-folders that can't be read. */
export function listingFindings(folder: string, listing: Listing): readonly Finding[] {
  return listing.unreadable.map(({ path, message }) => folderFinding(join(folder, path), message));
}

/** A finding on a folder as a whole. */
export function folderFinding(folder: string, message: string): Finding {
  const origin = { object: fileRef(folder), fieldPath: '', location: { file: folder, line: 1, column: 1 } };
  return { code: 'unreadable', origin, message };
}
