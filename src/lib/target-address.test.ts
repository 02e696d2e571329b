import { expect, test } from 'vitest';
import { refuseAddress } from './target-address.ts';

const STRICT = { allowLoopback: false, allowLinkLocal: false };
const OPEN = { allowLoopback: true, allowLinkLocal: true };

test.each(['10.0.0.1', '203.0.113.7', 'fd00::1', '2001:db8::1', '172.16.3.4', '169.253.255.255'])(
  '%s may be a backend',
  (address) => {
    expect(refuseAddress(address, STRICT)).toBeNull();
  },
);

test.each([
  '127.0.0.1',
  '127.255.255.254',
  '::1',
  '::ffff:127.0.0.1',
  '::ffff:7f00:1',
  '0:0:0:0:0:ffff:7f00:1',
  '169.254.169.254',
  '::ffff:169.254.169.254',
  'fe80::1',
  'fd00:ec2::254',
])('%s only where it is allowed', (address) => {
  expect(refuseAddress(address, STRICT)).toContain('not allowed');
  expect(refuseAddress(address, OPEN)).toBeNull();
});

test.each([
  '0.0.0.0',
  '0.1.2.3',
  '::',
  '::ffff:0.0.0.0',
  '224.0.0.1',
  '255.255.255.255',
  'ff02::1',
  'example.com',
  '010.0.0.1',
  '1.2.3',
  '',
])('%s never', (address) => {
  expect(refuseAddress(address, OPEN)).not.toBeNull();
});
