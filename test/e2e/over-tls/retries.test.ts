import { speakTls } from '../support/transport.ts';

/** All of it again, over TLS. */
speakTls();
await import('../retries.test.ts');
