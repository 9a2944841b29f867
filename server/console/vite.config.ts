import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

// `npm run dev` beside a running server: what is not the console's own is asked of it.
const server = process.env.IOC_SERVER ?? "http://127.0.0.1:8080";

export default defineConfig({
  plugins: [svelte()],
  base: "/console/",
  build: { outDir: "dist/site", emptyOutDir: true, assetsDir: "", target: "es2022", reportCompressedSize: false },
  server: { proxy: { "/api": server, "/watch": server, "/live": { target: server, ws: true } } },
});
