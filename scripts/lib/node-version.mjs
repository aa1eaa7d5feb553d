// Refuses a Node that is too old before anything else runs. Imported first; written in syntax every Node with modules can parse.

const MINIMUM_MAJOR = 20;

if (Number(process.versions.node.split(".")[0]) < MINIMUM_MAJOR) {
  process.stderr.write(
    "error Trimtab needs Node " +
      MINIMUM_MAJOR +
      " or newer; this is " +
      process.version +
      " [NODE_TOO_OLD]\n",
  );
  process.exit(1);
}
