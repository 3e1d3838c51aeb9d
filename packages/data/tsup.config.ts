import { library } from '../../tools/build/library.ts';

export default library(['src/augment-worker.ts'], ['src/pictures.wasm']);
