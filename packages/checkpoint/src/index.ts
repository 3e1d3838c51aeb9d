export { type CheckpointOptions, checkpoint, type KeepPolicy } from './checkpoint.ts';
export { type CheckpointFile, positionOf, readCheckpoint, writeCheckpoint } from './checkpoint-file.ts';
export { type CheckpointDifference, diffCheckpoints } from './diff.ts';
export { exportTfjs } from './export.ts';
export { listCheckpoints, type StoredCheckpoint } from './folder.ts';
export { type LoadedNetwork, type LoadNetworkOptions, loadNetwork } from './load-network.ts';
export { type Resumed, type ResumeOptions, resume } from './resume.ts';
