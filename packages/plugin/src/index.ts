export { type Attachment, createMan, type Man, type View, type ViewSite } from './create-man.ts';
export { man } from './man.ts';
export { type ManOptions, manSchema } from './options.ts';
