/**
 * The same text in one piece: what was joined of many is taken apart anew by every write.
 * @param text without characters above U+00FF
 */
export function flat(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}
