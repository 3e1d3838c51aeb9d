import { describe, test } from 'node:test';
import { useEngine } from '@man/ops';
import { pluginConformance, runConformance } from '@man/testkit';
import { myPlugin } from './my-plugin.ts';

await useEngine('auto');

describe('myPlugin', () => {
  runConformance(
    pluginConformance(() => myPlugin()),
    { test },
  );
});
