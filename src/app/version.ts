import manifest from '../../package.json' with { type: 'json' };

export const VERSION = {
  version: manifest.version,
  /** Set when the image is built. */
  revision: process.env.PORTREEVE_REVISION ?? 'unknown',
} as const;
