/** A library this package can download. */
export type LibraryVariant = 'cpu' | 'gpu';

/** Which library to install: `auto` is `gpu` where an NVIDIA driver answers and tfjs-node-gpu is installed, else `cpu`. */
export type LibraryChoice = LibraryVariant | 'auto';

/** What an installation is doing. */
export type InstallPhase = 'wait' | 'download' | 'unpack' | 'compile' | 'verify';

/** One report of progress; `done` and `total` are bytes and present where they are known. */
export interface InstallProgress {
  readonly phase: InstallPhase;
  readonly message: string;
  readonly done?: number;
  readonly total?: number;
}

/** Where to look and where to write; every default is what the command line uses. */
export interface LocateOptions {
  /** Folder of the tfjs-node(-gpu) package. Default: resolved from `cwd`. */
  readonly packageDir?: string;
  /** Where resolution starts. Default: `process.cwd()`. */
  readonly cwd?: string;
  /** Cache folder. Default: `MAN_NATIVE_CACHE`, else the user's cache folder. */
  readonly cacheDir?: string;
  /** Environment of the tools that are called. Default: `process.env`. */
  readonly env?: Readonly<NodeJS.ProcessEnv>;
}

/** Options of {@link install}. */
export interface InstallOptions extends LocateOptions {
  /** Default `auto`. Excludes `from`. */
  readonly library?: LibraryChoice;
  /** A wheel, a folder (unpacked library, or wheels) or the word `python`: nothing is downloaded. Default: download. */
  readonly from?: string;
  /** Install again although everything is in place. Default false. */
  readonly force?: boolean;
  /** Called as work proceeds. */
  readonly onProgress?: (progress: InstallProgress) => void;
  /** Ends the installation cleanly: tools are stopped, temporary files removed, `MAN_NATIVE_CANCELLED` thrown. */
  readonly signal?: AbortSignal;
}

/** What an installation left behind in the npm package, written last of all: the proof that it was complete. */
export interface Stamp {
  readonly schema: 1;
  /** `download`, the path given with `--from`, `python`, or `foreign` for an addon that worked before this tool came. */
  readonly source: string;
  /** `custom`: given with `--from` or found, so unknown. */
  readonly library: LibraryVariant | 'custom';
  /** Version of TensorFlow as the library itself says. */
  readonly tensorflow: string;
  /** Where `deps/lib` leads. */
  readonly libraryDir: string;
  /** The addon file and its size in bytes. */
  readonly addon: string;
  readonly addonBytes: number;
  readonly packageName: string;
  readonly packageVersion: string;
  readonly compiler: string;
  /** This project's training kernels; absent in a foreign addon's stamp. */
  readonly kernels?: KernelsStamp;
}

/** How it went with the training kernels. */
export interface KernelsStamp {
  /** Which sources they are of. */
  readonly sources: string;
  /** Where they are, how large, and the instruction set they chose here; absent where there are none. */
  readonly file?: string;
  readonly bytes?: number;
  readonly instructions?: string;
  /** Why there are none. */
  readonly reason?: string;
  /** A small module whose `load(library)` loads TensorFlow without the notices that it prints. */
  readonly quiet?: string;
}

/** What {@link install} did. */
export interface InstallResult {
  /** `present`: everything was in place and nothing was done. */
  readonly outcome: 'installed' | 'present';
  readonly packageDir: string;
  readonly stamp: Stamp;
  /** Where TensorFlow ran in the check after compiling; absent when nothing was done. */
  readonly device?: 'cpu' | 'gpu';
  readonly seconds: number;
}
