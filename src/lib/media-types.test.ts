import { expect, test } from 'vitest';
import { compileMediaTypes, mediaTypeProblem } from './media-types.ts';

test.each([
  ['text/html', true],
  ['Text/HTML; charset=utf-8', true],
  ['application/json', true],
  ['application/problem+json', true],
  ['application/problem+json ;x=y', true],
  ['application/jsonx', false],
  ['application/xml', false],
  ['textual/html', false],
  ['image/svg+json', false],
  ['', false],
  [null, false],
])('%j: %s', (contentType, expected) => {
  expect(compileMediaTypes(['text/*', 'Application/JSON', 'application/*+json'])(contentType)).toBe(expected);
});

test('*/* is every type that there is', () => {
  expect(compileMediaTypes(['*/*'])('image/png')).toBe(true);
  expect(compileMediaTypes(['*/*'])(null)).toBe(false);
});

test.each(['json', '*', 'text/', '/json', 'text/html;q=1', 'text/*html', 'a b/c', 'text/**'])(
  '%s is refused',
  (pattern) => {
    expect(mediaTypeProblem(pattern)).not.toBeNull();
  },
);

test.each(['text/*', '*/*', 'application/vnd.api+json', 'application/*+json', 'Image/SVG+xml'])(
  '%s is taken',
  (pattern) => {
    expect(mediaTypeProblem(pattern)).toBeNull();
  },
);
