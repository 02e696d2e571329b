import { domainToASCII } from 'node:url';

export type HostResult =
  | { readonly ok: true; readonly host: string }
  | { readonly ok: false; readonly message: string };

const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/**
 * A host pattern in its canonical form: lower case, RFC 1123 labels, `*.` only as the first label. The message
 * of a refusal says what to write instead.
 */
export function canonicalHost(text: string): HostResult {
  const host = text.toLowerCase();
  if (host === '*') return refuse(text, 'leave hosts out to take every host');
  const name = host.startsWith('*.') ? host.slice(2) : host;
  if (name.includes('*'))
    return refuse(text, 'a wildcard may only stand alone in front, as in *.example.com');
  if (/:\d+$/.test(name))
    return refuse(text, 'a host has no port here; choose listeners to tell ports apart');
  if (/[^\0-\x7f]/.test(name)) {
    const ascii = domainToASCII(name);
    return refuse(text, ascii === '' ? 'it is not a domain name' : `write it in its ASCII form, ${ascii}`);
  }
  const labels = name.split('.');
  if (name.length > 253 || !labels.every((label) => LABEL.test(label))) {
    return refuse(
      text,
      'write a domain name: labels of letters, digits and inner hyphens, at most 63 characters each',
    );
  }
  return { ok: true, host };
}

function refuse(text: string, advice: string): HostResult {
  return { ok: false, message: `host "${text}" is refused: ${advice}` };
}
