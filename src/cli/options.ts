import { InvalidArgumentError, Option } from 'commander';
import { parseServiceName, type ServiceName } from '../app/admission/settings.ts';
import { type ListenAddress, parseListenAddress } from '../app/listen-address.ts';
import { parseDuration } from '../lib/duration.ts';

/** Turns an error of a parser into one that names the option. */
function parsed<T>(parse: (text: string) => T): (text: string) => T {
  return (text) => {
    try {
      return parse(text);
    } catch (error) {
      throw new InvalidArgumentError(error instanceof Error ? error.message : String(error));
    }
  };
}

export const toListenAddress: (text: string) => ListenAddress = parsed(parseListenAddress);

export const toServiceName: (text: string) => ServiceName = parsed(parseServiceName);

export const toDuration: (text: string) => string = parsed((text) => {
  parseDuration(text);
  return text;
});

/** A whole number from 1 to `max`. */
export function toCount(max: number): (text: string) => number {
  return parsed((text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= 1 && value <= max) return value;
    throw new Error(`write a whole number from 1 to ${max}`);
  });
}

/** `-o json`. */
export function outputOption(formats: readonly string[], fallback: string): Option {
  return new Option('-o, --output <format>', 'form of the output').choices([...formats]).default(fallback);
}

export const configFileOption = (): Option =>
  new Option(
    '--config-file <file>',
    "the program's own configuration (default: portreeve.yaml beside the folder or in it)",
  ).env('PORTREEVE_CONFIG_FILE');
