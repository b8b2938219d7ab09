/* Builds src/ into dist/index.umd.js. Readable on purpose: what is reviewed is what the App runs. */
export default {
  publicDir: false,
  cacheDir: ".ui/cache",
  oxc: { jsx: { runtime: "classic", pragma: "h", pragmaFrag: "Fragment" } },
  build: {
    target: "es2022",
    minify: false,
    cssMinify: false,
    emptyOutDir: false,
    reportCompressedSize: false,
    lib: {
      entry: "src/index.ts",
      name: "MediaForensics",
      formats: ["iife"],
      fileName: () => "index.umd.js",
    },
  },
  test: {
    globals: true,
    environment: "node",
    include: ["tests/src/**/*.test.ts"],
    setupFiles: ["tests/src/setup.ts"],
  },
};
