// @CommandService command
// @ij.ImagePlus image
// @String model
// @OUTPUT ij.ImagePlus result

// Nothing is shown by the command; the script's output is, by whoever runs the script.
import org.ijbridge.RunModelCommand

inputs = [image: image, model: model, tile: "auto"]
result = command.run(RunModelCommand, true, inputs).get().getOutput("result")
