import { describe, expect, test } from 'vitest';
import { parseServiceName, type WebhookRequest, webhookSettings } from './settings.ts';

describe('the name of a Service', () => {
  test('is its namespace and its name', () => {
    expect(parseServiceName('gate-1/portreeve-webhook')).toEqual({
      namespace: 'gate-1',
      name: 'portreeve-webhook',
    });
  });

  test.each(['', 'hook', 'a/', '/a', 'a/b/c', 'A/b', 'a/b.c', 'a/1b', `a/${'b'.repeat(64)}`, '-a/b', 'a/b-'])(
    'is not "%s"',
    (text) => {
      expect(() => parseServiceName(text)).toThrow('write the namespace and the name');
    },
  );
});

describe('the settings', () => {
  const request: WebhookRequest = {
    webhookAddress: { address: '0.0.0.0', port: 9443 },
    webhookService: { namespace: 'gate', name: 'hook' },
    webhookCertificateLifetime: '2160h',
  };

  test('are whole', () => {
    expect(webhookSettings(request)).toEqual({
      address: { address: '0.0.0.0', port: 9443 },
      service: { namespace: 'gate', name: 'hook' },
      lifetimeMs: 2160 * 3_600_000,
    });
  });

  test('say that there is no webhook when neither address nor Service is given', () => {
    expect(webhookSettings({ webhookCertificateLifetime: '2160h' })).toBeNull();
  });

  test('need both', () => {
    const { webhookAddress: _, ...noAddress } = request;
    const { webhookService: __, ...noService } = request;
    for (const half of [noAddress, noService])
      expect(() => webhookSettings(half)).toThrow('need one another');
  });

  test('refuse a life that is over before a certificate can be replaced', () => {
    expect(() => webhookSettings({ ...request, webhookCertificateLifetime: '9s' })).toThrow('at least 10s');
  });
});
