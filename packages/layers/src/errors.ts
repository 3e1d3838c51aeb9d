import { ManError } from '@man/base';

export function unsupported(what: string, hint: string): ManError {
  return new ManError(`localLearning: expected a model of single tensors from layer to layer that ends in one classifier, got ${what}`, {
    code: 'MAN_LAYERS_UNSUPPORTED',
    hint,
  });
}

export function cutInvalid(cut: string, reason: string, places: readonly string[]): ManError {
  return new ManError(`localLearning: expected cuts to be layers behind which a single tensor goes on, got '${cut}': ${reason}`, {
    code: 'MAN_LAYERS_CUT',
    hint: places.length > 0 ? `possible cuts: ${places.join(', ')}` : 'this model cannot be cut: pass blocks: 1',
  });
}

export function noStore(what: 'save to' | 'load from', got: unknown): ManError {
  return new ManError(`localLearning: expected a place to ${what}, got ${typeof got === 'string' ? `'${got}'` : 'one that cannot'}`, {
    code: 'MAN_LAYERS_STORE',
    hint: "pass what model.save takes: 'indexeddb://name' or 'localstorage://name' in a browser, 'file://folder' with tfjs-node, or a handler of tf.io",
  });
}

export function lossMissing(blocks: number): ManError {
  return new ManError(`localLearning: expected a local loss for ${blocks} blocks, got none`, {
    code: 'MAN_LAYERS_LOSS',
    hint: 'pass loss: dgl() of @man/loss-dgl, or blocks: 1 for end-to-end training',
  });
}

export function notCompiled(): ManError {
  return new ManError('localLearning: expected a compiled model or an optimizer, got neither', {
    code: 'MAN_LAYERS_COMPILE',
    hint: "call model.compile({ optimizer, loss: 'categoricalCrossentropy', metrics: ['accuracy'] }) before, or pass optimizer",
  });
}
