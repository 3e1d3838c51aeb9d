import { library } from '../build/library.ts';

export default library(['src/cli.ts']);
