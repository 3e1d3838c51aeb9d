import { auglocalSchema } from '@man/loss-auglocal';
import { dglSchema } from '@man/loss-dgl';
import { infoproSchema } from '@man/loss-infopro';
import { predsimSchema } from '@man/loss-predsim';
import { typed } from './typed.ts';

// The data set trained on decides: `dataset`.
const { dataset, ...infopro } = infoproSchema;

/** Sub-schemas of `loss`, by `loss.type`. */
export const lossSchemas = {
  e2e: typed('e2e', 'No local losses: one block, trained end to end.', {}),
  dgl: typed('dgl', 'Local loss of each block but the last.', dglSchema),
  infopro: typed('infopro', 'Local loss of each block but the last.', infopro),
  auglocal: typed('auglocal', 'Local loss of each block but the last.', auglocalSchema),
  predsim: typed('predsim', 'Local loss of each block but the last.', predsimSchema),
};
