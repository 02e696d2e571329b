import { basename, join } from 'node:path';
import type { Binaries } from './binaries.ts';
import { buildImage } from './images.ts';

/** The image of every pod's sandbox. */
export const pauseImage = 'portreeve.test/pause:1';
/** The tests' HTTP server, see `build/backend/handler.go`. */
export const backendImage = 'portreeve.test/backend:1';

/** Writes the archive of {@link pauseImage} into a folder and returns its path. */
export function buildPauseImage(binaries: Binaries, folder: string): Promise<string> {
  return buildProgramImage(pauseImage, binaries.path('pause'), folder);
}

/** Writes the archive of {@link backendImage} into a folder and returns its path. */
export function buildBackendImage(binaries: Binaries, folder: string): Promise<string> {
  return buildProgramImage(backendImage, binaries.path('backend'), folder);
}

/** An image of one static program. */
async function buildProgramImage(reference: string, program: string, folder: string): Promise<string> {
  const name = basename(program);
  const archive = join(folder, `${name}.tar`);
  await buildImage({
    reference,
    archive,
    files: [{ path: name, source: program, mode: 0o755 }],
    config: { entrypoint: [`/${name}`], user: '65532:65532' },
  });
  return archive;
}
