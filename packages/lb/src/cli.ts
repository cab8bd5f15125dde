import { main } from "./cli/main.js";

// A reader that has seen enough (`| head`) is no error.
const onError = (error: NodeJS.ErrnoException): never => process.exit(error.code === "EPIPE" ? 0 : 1);
process.stdout.on("error", onError);
process.stderr.on("error", onError);

process.exitCode = await main(process.argv.slice(2), {
  stdout: (text) => process.stdout.write(text),
  stderr: (text) => process.stderr.write(text),
});
