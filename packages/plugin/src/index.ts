export { type Attachment, createMan, type Man } from './create-man.ts';
export { man } from './man.ts';
export { type ManOptions, manSchema } from './options.ts';
