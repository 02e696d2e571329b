import { expect, test } from 'vitest';
import { HeaderView } from '../proxy/header-view.ts';
import { representationChanged } from './representation.ts';

test.each([
  [['etag: "a"'], ['etag: W/"a"']],
  [['etag: W/"a"'], ['etag: W/"a"']],
  [['etag: unquoted'], ['etag: unquoted']],
  [
    [
      'content-digest: sha-256=:x:',
      'repr-digest: sha-256=:x:',
      'digest: SHA-256=x',
      'content-md5: x',
      'accept-ranges: bytes',
      'x-kept: 1',
    ],
    ['x-kept: 1'],
  ],
])('%j becomes %j', (lines, expected) => {
  const view = new HeaderView();
  view.useLines(lines.map((line) => line.split(': ') as [string, string]));
  representationChanged(view);
  expect(view.headerEntries().map((entry) => entry.join(': '))).toEqual(expected);
});
