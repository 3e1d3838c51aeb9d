import { manSchema } from '@man/plugin';
import { typed } from './typed.ts';

/** Sub-schemas of `plugin`, by `plugin.type`. */
export const pluginSchemas = {
  none: typed('none', 'No plugin.', {}),
  man: typed('man', 'Method added to the local loss.', manSchema),
};
