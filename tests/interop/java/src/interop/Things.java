package interop;

import static interop.Check.same;
import static interop.Check.that;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Date;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Values of every kind, there and back. */
final class Things {
    private static final long WHOLE = (1L << 53) + 3;
    private static final Date WHEN = new Date(1_700_000_000_123L);
    private static final BigDecimal AMOUNT = new BigDecimal("12345678901234567890.125");

    private final Echo echo;

    Things(Echo echo) {
        this.echo = echo;
    }

    String there() {
        byte[] bytes = new byte[256];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) i;
        }
        List<Object> list = new ArrayList<>(Arrays.asList("\u00e9", 1, null, new ArrayList<>(List.of("x"))));
        Map<String, Object> map = new HashMap<>();
        map.put("a", 1);
        map.put("\u00e9", "b");
        List<Object> got = echo.mirror(WHOLE, 0.1, true, WHEN, bytes, AMOUNT, Color.GREEN, list, map, thing("n"));
        same(10, got.size());
        same(List.of(WHOLE, 0.1, true, WHEN), got.subList(0, 4));
        that(Arrays.equals(bytes, (byte[]) got.get(4)), "other bytes");
        same(AMOUNT, got.get(5));
        same(Color.GREEN, got.get(6));
        same(list, got.get(7));
        same(map, got.get(8));
        alike(thing("n"), (Thing) got.get(9));

        // One that is its own heir, and holds one object twice.
        Thing first = thing("first");
        Thing second = thing("second");
        Thing twice = thing("twice");
        first.setNext(second);
        second.setNext(second);
        first.setThings(new ArrayList<>(List.of(twice, twice, first)));
        Thing back = echo.mirrorThing(first);
        alike(first, back);
        alike(second, back.getNext());
        that(back.getNext().getNext() == back.getNext(), "the cycle is none");
        same(3, back.getThings().size());
        alike(twice, back.getThings().get(0));
        that(back.getThings().get(0) == back.getThings().get(1), "one object became two");
        that(back.getThings().get(2) == back, "the object itself became another");
        return "";
    }

    static Thing thing(String name) {
        Thing thing = new Thing();
        thing.setName(name);
        thing.setSize(WHOLE);
        thing.setHalf(0.5);
        thing.setColor(Color.BLUE);
        thing.setWhen(WHEN);
        thing.setAmount(AMOUNT);
        thing.setBytes(new byte[] {0, -1, 127});
        thing.setWords(new ArrayList<>(List.of("\u00e9", "\uD83D\uDE00")));
        thing.setCounts(new LinkedHashMap<>(Map.of("one", 1)));
        return thing;
    }

    private static void alike(Thing expected, Thing actual) {
        same(expected.getName(), actual.getName());
        same(expected.getSize(), actual.getSize());
        same(expected.getHalf(), actual.getHalf());
        same(expected.getColor(), actual.getColor());
        same(expected.getWhen(), actual.getWhen());
        same(expected.getAmount(), actual.getAmount());
        that(Arrays.equals(expected.getBytes(), actual.getBytes()), "other bytes in a thing");
        same(expected.getWords(), actual.getWords());
        same(expected.getCounts(), actual.getCounts());
        same(expected.getNext() == null, actual.getNext() == null);
        same(expected.getThings() == null, actual.getThings() == null);
    }
}
