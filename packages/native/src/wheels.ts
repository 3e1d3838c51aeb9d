import type { LibraryVariant } from './types.ts';

/** A file on the Python package index, pinned by content. */
export interface Wheel {
  readonly name: string;
  readonly version: string;
  readonly sha256: string;
  readonly bytes: number;
}

/** The files that make up one library. */
export interface Library {
  readonly tensorflow: string;
  /** Platform tags for pip, any of which will do. */
  readonly platforms: readonly string[];
  readonly wheels: readonly Wheel[];
  /** Bytes on disk once unpacked. */
  readonly unpackedBytes: number;
}

/** The pinned TensorFlow: trained with and measured; the newest line whose CUDA 12.5 still runs on every CUDA 12 driver. */
export const TENSORFLOW_VERSION = '2.18.1';

/** On x86-64 without a GPU: its oneDNN convolves a fifth faster than that of 2.18 to 2.20. Needs glibc 2.27, as Node 20 does. */
const LINUX_X64_CPU_VERSION = '2.21.0';

/** The wheels are tagged for one Python; which one does not matter to the library inside, so one is fixed. */
export const PYTHON_TAG = { version: '3.11', abi: 'cp311' } as const;

const LINUX_X64 = ['manylinux2014_x86_64'];

function wheel(name: string, version: string, bytes: number, sha256: string): Wheel {
  return { name, version, bytes, sha256 };
}

const CUDA: readonly Wheel[] = [
  wheel('nvidia-cublas-cu12', '12.5.3.2', 363313169, 'ca070ad70e9fa6654084575d01bd001f30cc4665e33d4bb9fc8e0f321caa034b'),
  wheel('nvidia-cuda-cupti-cu12', '12.5.82', 13811507, 'bde77a5feb66752ec61db2adfe47f56b941842825b4c7e2068aff27c9d107953'),
  wheel('nvidia-cuda-nvcc-cu12', '12.5.82', 22468537, 'b03e545b8e8c3ce7ebcd7fc44063180ff52ff01d064ece2127ed90a04ef12cd0'),
  wheel('nvidia-cuda-nvrtc-cu12', '12.5.82', 24873108, '3dbd97b0104b4bfbc3c4f8c79cd2496307c89c43c29a9f83125f1d76296ff3fd'),
  wheel('nvidia-cuda-runtime-cu12', '12.5.82', 895707, '3e79a060e126df40fd3a068f3f787eb000fa51b251ec6cd97d09579632687115'),
  wheel('nvidia-cudnn-cu12', '9.3.0.75', 577163502, '9ad9c6929ebb5295eb4a1728024666d1c88283373e265a0c5c883e6f9d5cd76d'),
  wheel('nvidia-cufft-cu12', '11.2.3.61', 192524114, '9a6e8df162585750f61983a638104a48c756aa13f9f48e19ab079b38e3c828b8'),
  wheel('nvidia-curand-cu12', '10.3.6.82', 56309107, '2823fb27de4e44dbb22394a6adf53aa6e1b013aca0f8c22867d1cfae58405536'),
  wheel('nvidia-cusolver-cu12', '11.6.3.83', 130341232, '93cfafacde4428b71778eeb092ec615a02a3d05404da1bcf91c53e3fa1bce42b'),
  wheel('nvidia-cusparse-cu12', '12.5.1.3', 217558979, '016df8e993c437e8301e62739f01775cba988fd5253cd4c64173f8e8d2f8e752'),
  wheel('nvidia-nccl-cu12', '2.21.5', 188654414, '8579076d30a8c24988834445f8d633c697d42397e92ffc3f63fa26766d25e0a0'),
  wheel('nvidia-nvjitlink-cu12', '12.5.82', 21298879, 'f9b37bc5c8cf7509665cb6ada5aaa0ce65618f2332b7d3e78e9790511f111212'),
];

/** Every library there is, by `<platform>-<variant>`; the platform is Node's `<os>-<arch>`. */
const LIBRARIES: Readonly<Record<string, Library>> = {
  'linux-x64-cpu': {
    tensorflow: LINUX_X64_CPU_VERSION,
    platforms: ['manylinux_2_27_x86_64'],
    wheels: [wheel('tensorflow-cpu', LINUX_X64_CPU_VERSION, 273829956, '2b847d217b02ee7731ed91431daf3250daa0196c3c94614d23be27232e6e5b6c')],
    unpackedBytes: 870e6,
  },
  'linux-x64-gpu': {
    tensorflow: TENSORFLOW_VERSION,
    platforms: LINUX_X64,
    wheels: [
      wheel('tensorflow', TENSORFLOW_VERSION, 615510377, 'c9f87e5d2a680a4595f5dc30daf6bbaec9d4129b46d7ef1b2af63c46ac7d2828'),
      ...CUDA,
    ],
    unpackedBytes: 4100e6,
  },
  'linux-arm64-cpu': {
    tensorflow: TENSORFLOW_VERSION,
    platforms: ['manylinux2014_aarch64'],
    wheels: [wheel('tensorflow', TENSORFLOW_VERSION, 231937898, '8a6485edd2148f70d011dbd1d8dc2c775e91774a5a159466e83d0d1f21580944')],
    unpackedBytes: 780e6,
  },
  'darwin-arm64-cpu': {
    tensorflow: TENSORFLOW_VERSION,
    platforms: ['macosx_12_0_arm64'],
    wheels: [wheel('tensorflow', TENSORFLOW_VERSION, 239549037, '661029cd769b311db910b79a3a6ef50a5a61ecc947172228c777a49989722508')],
    unpackedBytes: 670e6,
  },
};

/** Platforms a CPU library exists for. */
export const SUPPORTED_PLATFORMS: readonly string[] = Object.keys(LIBRARIES)
  .filter((key) => key.endsWith('-cpu'))
  .map((key) => key.slice(0, -4));

/** The pinned library of a platform, if there is one. */
export function libraryFor(platform: string, variant: LibraryVariant): Library | undefined {
  return LIBRARIES[`${platform}-${variant}`];
}

/** The pinned variant that is exactly the one wheel with this content, if any. */
export function variantOfWheel(platform: string, sha256: string): LibraryVariant | undefined {
  const only = libraryFor(platform, 'cpu')?.wheels;
  return only?.length === 1 && only[0]?.sha256 === sha256 ? 'cpu' : undefined;
}

/** The pinned version of TensorFlow for a platform. */
export function versionOf(platform: string, variant: LibraryVariant): string {
  return libraryFor(platform, variant)?.tensorflow ?? TENSORFLOW_VERSION;
}

/** The name of the folder in the cache. */
export function cacheKey(platform: string, variant: LibraryVariant): string {
  return `tensorflow-${variant}-${versionOf(platform, variant)}-${platform}`;
}
