import { expectTypeOf, test } from 'vitest';
import type { GatewaySettings } from '../../ir/settings.ts';
import type { ResolvedConfig } from './resolve.ts';

test('the resolved settings have the shape that the IR asks for, but for what depends on where the program runs', () => {
  expectTypeOf<ResolvedConfig['settings']>().toExtend<Omit<GatewaySettings, 'outbound' | 'place'>>();
});
