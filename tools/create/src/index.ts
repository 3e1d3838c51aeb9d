export { createPackage, KINDS, type Kind, type PackageOptions, UsageError } from './create-package.ts';
