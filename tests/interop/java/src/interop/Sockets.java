package interop;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/** The connections of this process, as the kernel knows them. */
final class Sockets {
    private Sockets() {}

    /** The inodes of this process's sockets that are connected to a port. */
    static Set<String> to(int port) throws IOException {
        Set<String> own = new HashSet<>();
        try (DirectoryStream<Path> files = Files.newDirectoryStream(Path.of("/proc/self/fd"))) {
            for (Path file : files) {
                try {
                    String target = Files.readSymbolicLink(file).toString();
                    if (target.startsWith("socket:[")) {
                        own.add(target.substring(8, target.length() - 1));
                    }
                } catch (IOException e) {
                    // Closed meanwhile.
                }
            }
        }
        Set<String> found = new TreeSet<>();
        for (String table : List.of("/proc/net/tcp", "/proc/net/tcp6")) {
            for (String line : Files.readAllLines(Path.of(table))) {
                String[] field = line.trim().split("\\s+");
                // 2: the other end, 3: the state (01 is established), 9: the inode
                if (field.length > 9
                        && field[3].equals("01")
                        && field[2].endsWith(String.format(":%04X", port))
                        && own.contains(field[9])) {
                    found.add(field[9]);
                }
            }
        }
        return found;
    }
}
