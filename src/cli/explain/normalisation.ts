/** What normalisation did to a path, in words, from the two forms. */
export function describeNormalisation(received: string, normal: string): readonly string[] {
  if (received === normal) return [];
  const decoded = received.replace(/%([0-9a-f]{2})/gi, (code, hex: string) => {
    const char = String.fromCharCode(Number.parseInt(hex, 16));
    return /[A-Za-z0-9._~-]/.test(char) ? char : code;
  });
  const steps: string[] = [];
  if (decoded !== received) steps.push('percent codes of plain characters were decoded');
  if (/%(?=[0-9A-F]*[a-f])[0-9A-Fa-f]{2}/.test(decoded)) steps.push('percent codes were written in capitals');
  if (/["<>[\]^`{|}]/.test(decoded)) steps.push('characters that need it were percent-encoded');
  if (/\/\/+/.test(decoded)) steps.push('repeated slashes became one');
  if (/\/\.\.?(?=\/|$)/.test(decoded)) steps.push('. and .. segments were resolved');
  return steps;
}
