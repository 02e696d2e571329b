import { Option } from 'commander';
import { toListenAddress } from './options.ts';

/** Where data planes that run apart get their tables; for every command that makes tables. */
export function streamOptions(): readonly Option[] {
  return [
    new Option('--stream <address:port>', 'where data planes that run apart get their tables')
      .env('PORTREEVE_STREAM')
      .argParser(toListenAddress),
    new Option('--stream-cert <file>', 'certificate that data planes are shown, with its chain').env(
      'PORTREEVE_STREAM_CERT',
    ),
    new Option('--stream-key <file>', 'its key').env('PORTREEVE_STREAM_KEY'),
    new Option('--stream-token-file <file>', 'token that data planes must show; read for each of them').env(
      'PORTREEVE_STREAM_TOKEN_FILE',
    ),
    new Option('--stream-insecure', 'plain text, on a loopback address only'),
  ];
}
