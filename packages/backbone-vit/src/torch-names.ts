import type { TorchNames } from '@man/core';

/** Parts of an encoder layer: ours, torchvision's, timm's. */
const PARTS: readonly (readonly [ours: string, torchvision: string, timm: string])[] = [
  ['norm1.', 'ln_1.', 'norm1.'],
  ['attention.input.', 'self_attention.in_proj_', 'attn.qkv.'],
  ['attention.output.', 'self_attention.out_proj.', 'attn.proj.'],
  ['norm2.', 'ln_2.', 'norm2.'],
  ['hidden.', 'mlp.0.', 'mlp.fc1.'],
  ['output.', 'mlp.3.', 'mlp.fc2.'],
];

const OTHERS: Readonly<Record<string, readonly string[]>> = {
  'stem.class': ['class_token', 'cls_token'],
  'stem.position': ['encoder.pos_embedding', 'pos_embed'],
  'stem.projection.weight': ['conv_proj.weight', 'patch_embed.proj.weight'],
  'stem.projection.bias': ['conv_proj.bias', 'patch_embed.proj.bias'],
  'classifier.norm.weight': ['encoder.ln.weight', 'norm.weight'],
  'classifier.norm.bias': ['encoder.ln.bias', 'norm.bias'],
  'classifier.linear.weight': ['heads.head.weight', 'head.weight'],
  'classifier.linear.bias': ['heads.head.bias', 'head.bias'],
};

/** Names of torchvision's vision transformers, and timm's. */
export const torchNames: TorchNames = {
  namesOf(variable) {
    const [, layer, rest] = /^layer(\d+)\.(.+)$/.exec(variable) ?? [];
    if (layer === undefined || rest === undefined) return OTHERS[variable] ?? [];
    const part = PARTS.find(([ours]) => rest.startsWith(ours));
    if (part === undefined) return [];
    const [ours, torchvision, timm] = part;
    const value = rest.slice(ours.length);
    return [`encoder.layers.encoder_layer_${layer}.${torchvision}${value}`, `blocks.${layer}.${timm}${value}`];
  },
};
